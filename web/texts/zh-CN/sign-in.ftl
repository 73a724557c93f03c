sign-in-title = 登录
