"""govsdk makes face models forget a person, and proves it."""
