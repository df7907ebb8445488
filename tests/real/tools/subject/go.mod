module example.test/subject

go 1.25
