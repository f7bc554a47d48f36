"""What readers see at `/p/{poll}`, without JavaScript: form, result, history."""
