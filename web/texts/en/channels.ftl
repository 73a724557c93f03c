channels-title = Services
