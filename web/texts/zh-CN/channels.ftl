channels-title = 服务通道
