"""What leaves the program: code that runs, tables, reports."""
