"""The order gateway: the single-threaded process through which every order of an account leaves."""
