"""The course's project: New York's three airports in 2013, the data of the rebooking desk and how it came to be.

`raw` reads the files, `features` makes the table of the year, `schema` says what it means, `versions` its history.
"""
