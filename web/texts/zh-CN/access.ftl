access-title = 账号与权限
access-no-post = 未任岗位
access-token-title = 请写明令牌的用途，1 到 80 个字
access-token-days = 有效期应在 1 到 366 天之间
