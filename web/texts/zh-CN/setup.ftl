setup-title = 开始设置
