"""The HTTP server: what speaks OpenAI, Ollama or Anthropic races by changing one address."""
