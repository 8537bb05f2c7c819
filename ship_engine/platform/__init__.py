"""The SHIP platform: networks of groups in discrete time, batched and dimensionless."""
