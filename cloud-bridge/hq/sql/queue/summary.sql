SELECT last - taken, applied, refused, lost FROM queue
