package lambdaapi

import (
	"slices"

	"github.com/furl-dev/furl/internal/lambda"
)

// cors is a function URL's cross-origin configuration as a request gives it.
type cors struct {
	AllowCredentials *bool
	AllowHeaders     []*string
	AllowMethods     []*string
	AllowOrigins     []*string
	ExposeHeaders    []*string
	MaxAge           *int
}

func (c *cors) check() violations {
	if c == nil {
		return nil
	}
	header := each(maxLength(1024), minLength(0), anything)
	return slices.Concat(
		checkList("cors.allowHeaders", c.AllowHeaders, header, atMostItems(100)),
		// Six characters: OPTIONS is not a method that can be allowed.
		checkList("cors.allowMethods", c.AllowMethods, each(maxLength(6), minLength(0), anything), atMostItems(6)),
		checkList("cors.allowOrigins", c.AllowOrigins, each(maxLength(253), minLength(1), anything), atMostItems(100)),
		checkList("cors.exposeHeaders", c.ExposeHeaders, header, atMostItems(100)),
		check("cors.maxAge", c.MaxAge, atMost(86400), atLeast(0)),
	)
}

// config is the configuration to keep, nil if nothing is set: an empty one takes CORS off a URL.
func (c *cors) config() *lambda.CORS {
	config := &lambda.CORS{
		AllowCredentials: c.AllowCredentials,
		AllowHeaders:     values(c.AllowHeaders),
		AllowMethods:     values(c.AllowMethods),
		AllowOrigins:     values(c.AllowOrigins),
		ExposeHeaders:    values(c.ExposeHeaders),
		MaxAge:           c.MaxAge,
	}
	if config.AllowCredentials == nil && config.MaxAge == nil &&
		len(config.AllowHeaders)+len(config.AllowMethods)+len(config.AllowOrigins)+len(config.ExposeHeaders) == 0 {
		return nil
	}
	return config
}

// values are the values of a list that was checked.
func values(list []*string) []string {
	var values []string
	for _, value := range list {
		values = append(values, *value)
	}
	return values
}
