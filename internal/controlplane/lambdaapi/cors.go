package lambdaapi

import "github.com/furl-dev/furl/internal/lambda"

// cors is a function URL's cross-origin configuration as a request gives it.
type cors struct {
	AllowCredentials *bool
	AllowHeaders     []string
	AllowMethods     []string
	AllowOrigins     []string
	ExposeHeaders    []string
	MaxAge           *int
}

// config is the configuration to keep, nil if nothing is set: an empty one takes CORS off a URL.
func (c *cors) config() *lambda.CORS {
	config := &lambda.CORS{
		AllowCredentials: c.AllowCredentials,
		AllowHeaders:     c.AllowHeaders,
		AllowMethods:     c.AllowMethods,
		AllowOrigins:     c.AllowOrigins,
		ExposeHeaders:    c.ExposeHeaders,
		MaxAge:           c.MaxAge,
	}
	if config.AllowCredentials == nil && config.MaxAge == nil &&
		len(config.AllowHeaders)+len(config.AllowMethods)+len(config.AllowOrigins)+len(config.ExposeHeaders) == 0 {
		return nil
	}
	return config
}
