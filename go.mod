module github.com/cornu-ml/cornu

go 1.26
