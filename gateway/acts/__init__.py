"""Acts of controllers at a dwelling, and what an interference is charged for."""
