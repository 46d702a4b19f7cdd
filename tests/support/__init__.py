"""What several tests build on: small data, small networks, servers of their own, and the contracts."""
