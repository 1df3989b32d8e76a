"""The faces: settings, sign-in, pages, REST and live sockets. The only package that knows HTTP."""
