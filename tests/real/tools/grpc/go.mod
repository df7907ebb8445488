module example.test/grpc

go 1.25
