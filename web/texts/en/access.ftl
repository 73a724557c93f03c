access-title = Accounts and access
access-no-post = No post
access-token-title = Say what the token is for, in 1 to 80 characters
access-token-days = A token lives 1 to 366 days
