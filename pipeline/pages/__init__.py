"""What a run's report, a monitoring and the server's page share: colours, looks, charts, reading of templates."""

from pathlib import Path

STYLES = Path(__file__).parent
