"""Pages: the first picture is drawn here, on the server; static/js moves it on."""
