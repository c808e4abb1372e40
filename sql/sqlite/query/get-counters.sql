SELECT kind, a, b, n FROM counter
