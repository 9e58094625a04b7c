"""The regions that the local Fly knows (a part of Fly's list)."""

from dataclasses import dataclass
from typing import Final

HOME_REGION: Final = "iad"


@dataclass(frozen=True, slots=True)
class Region:
    code: str
    name: str
    latitude: float
    longitude: float
    area: str


REGIONS: Final = (
    Region("ams", "Amsterdam, Netherlands", 52.37, 4.9, "europe"),
    Region("arn", "Stockholm, Sweden", 59.65, 17.92, "europe"),
    Region("bom", "Mumbai, India", 19.09, 72.87, "asia_pacific"),
    Region("cdg", "Paris, France", 48.86, 2.35, "europe"),
    Region("dfw", "Dallas, Texas (US)", 32.78, -96.8, "north_america"),
    Region("ewr", "Secaucus, NJ (US)", 40.79, -74.06, "north_america"),
    Region("fra", "Frankfurt, Germany", 50.1, 8.68, "europe"),
    Region("gru", "Sao Paulo, Brazil", -23.55, -46.63, "south_america"),
    Region("iad", "Ashburn, Virginia (US)", 39.02, -77.54, "north_america"),
    Region("jnb", "Johannesburg, South Africa", -26.14, 28.25, "africa"),
    Region("lax", "Los Angeles, California (US)", 33.94, -118.41, "north_america"),
    Region("lhr", "London, United Kingdom", 51.52, -0.6, "europe"),
    Region("nrt", "Tokyo, Japan", 35.62, 139.78, "asia_pacific"),
    Region("ord", "Chicago, Illinois (US)", 41.88, -87.64, "north_america"),
    Region("sin", "Singapore, Singapore", 1.3, 103.85, "asia_pacific"),
    Region("sjc", "San Jose, California (US)", 37.35, -121.96, "north_america"),
    Region("syd", "Sydney, Australia", -33.87, 151.21, "asia_pacific"),
    Region("yyz", "Toronto, Canada", 43.65, -79.38, "north_america"),
)
