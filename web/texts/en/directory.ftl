directory-title = Organizations and staff
