DELETE FROM webhook_message WHERE webhook = $1
