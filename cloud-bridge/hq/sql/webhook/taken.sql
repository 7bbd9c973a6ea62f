DELETE FROM webhook_message WHERE webhook = $1 AND message = $2
