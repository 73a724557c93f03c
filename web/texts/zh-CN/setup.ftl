setup-title = 开始设置
setup-demo-other-city = 这个数据目录里已有一个正式系统，不能在上面建演示城市，请换一个目录
