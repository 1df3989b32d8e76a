"""The order: its states and the one function that moves it between them."""
