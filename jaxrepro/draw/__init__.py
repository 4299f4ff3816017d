"""Pictures of results: sheets, skeletons, animations."""
