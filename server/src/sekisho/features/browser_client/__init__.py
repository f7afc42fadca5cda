"""The browser client, served: one ES module, the very file of the npm package."""
