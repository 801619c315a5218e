"""The contract: what a plugin declares, hears and is handed. Begin here; it stands on tables and on nothing else."""
