package httpapi

func pageRoutes() []route { return nil }
