access-title = Accounts and access
access-no-post = No post
