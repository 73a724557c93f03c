tasks-title = Tasks
