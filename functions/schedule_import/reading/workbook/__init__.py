"""Workbooks (XLSX): tables and grids."""
