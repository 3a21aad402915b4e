namespace Mica.Dockerfile;

/// <summary>Tells variables that hold secrets by their names.</summary>
internal static class SecretNames
{
    private static readonly HashSet<string> s_secret = new(StringComparer.OrdinalIgnoreCase)
    {
        "apikey", "auth", "credential", "credentials", "key", "password", "pword", "passwd", "secret", "token",
    };

    public static bool IsSecret(string name)
    {
        string[] words = name.Split('_');
        return words.Any(s_secret.Contains) && !words.Contains("public", StringComparer.OrdinalIgnoreCase);
    }
}
