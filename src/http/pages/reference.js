// Draws the API description with Swagger UI, as a page to read: it sends no requests, so nobody types a key into it.

const nothing = () => () => null;

window.SwaggerUIBundle({
  url: "/openapi.json",
  domNode: document.getElementById("reference"),
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  supportedSubmitMethods: [],
  // Otherwise Swagger UI asks a validator on another site.
  validatorUrl: null,
  plugins: [() => ({ wrapComponents: { authorizeBtn: nothing, authorizeOperationBtn: nothing } })],
});
