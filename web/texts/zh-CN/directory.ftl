directory-title = 组织与人员
