tasks-title = 任务
