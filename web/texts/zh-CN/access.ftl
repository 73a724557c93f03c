access-title = 权限
