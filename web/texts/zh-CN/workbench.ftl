workbench-title = 工作台
