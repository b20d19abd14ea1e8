"""What people and machines who look after the app ask it: how is it?"""
