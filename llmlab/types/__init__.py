"""What people write and read: messages, requests, options, images, answers."""
