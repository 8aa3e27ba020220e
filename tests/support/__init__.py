"""What tests are made with: photos, zips, apps that run, pages, a Hub of our own."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
