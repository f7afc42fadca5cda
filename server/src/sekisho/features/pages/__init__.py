"""Pages for people: log in, sign up, see where one is signed in, change the password, log out."""
