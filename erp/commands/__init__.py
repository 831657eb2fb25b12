"""The commands `orderline erp ...`: attach a system, try it, measure it, change its profile."""
