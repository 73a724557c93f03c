workbench-title = Workbench
