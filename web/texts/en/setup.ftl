setup-title = Set up
