"""DOES: one public function per business event."""
