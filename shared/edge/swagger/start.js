// A file of its own, because the page's Content-Security-Policy refuses inline scripts.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  docExpansion: "list",
  persistAuthorization: true,
  tryItOutEnabled: true,
  // Left at its default, the badge would send the document's address to a public validator.
  validatorUrl: null,
});
