access-title = 账号与权限
access-no-post = 未任岗位
