forms-title = 表单
