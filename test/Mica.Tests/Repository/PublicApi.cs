using System.Reflection;
using System.Text;

namespace Mica.Tests.Repository;

/// <summary>Writes down what an assembly offers to others, one member per line, sorted: a golden to review changes by.</summary>
internal static class PublicApi
{
    private const BindingFlags Declared =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    public static string Of(Assembly assembly)
    {
        StringBuilder text = new();
        foreach (Type type in assembly.GetExportedTypes().OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(Kind(type)).Append(' ').Append(Name(type));
            Type[] above = [.. Above(type)];
            text.Append(above.Length == 0 ? "" : " : " + string.Join(", ", above.Select(Name))).Append('\n');
            foreach (string line in type.GetMembers(Declared).Select(Line).OfType<string>().Order(StringComparer.Ordinal))
            {
                text.Append("    ").Append(line).Append('\n');
            }
        }

        return text.ToString();
    }

    private static IEnumerable<Type> Above(Type type)
    {
        if (type is { IsClass: true, BaseType: { } parent } && parent != typeof(object) && parent != typeof(MulticastDelegate))
        {
            yield return parent;
        }

        foreach (Type contract in type.GetInterfaces().Where(contract => contract.IsPublic && !contract.Name.StartsWith("IEquatable", StringComparison.Ordinal) && !type.IsEnum)
            .OrderBy(contract => contract.Name, StringComparer.Ordinal))
        {
            yield return contract;
        }
    }

    private static string Kind(Type type) => type switch
    {
        { IsInterface: true } => "interface",
        { IsEnum: true } => "enum",
        { IsValueType: true } => "struct",
        { IsAbstract: true, IsSealed: true } => "static class",
        { IsAbstract: true } => "abstract class",
        { IsSealed: true } => "class",
        _ => "open class",
    };

    /// <summary>The member as a line; null for what the compiler makes, or nobody outside sees.</summary>
    private static string? Line(MemberInfo member) => member switch
    {
        _ when member.Name.Contains('<', StringComparison.Ordinal) => null,
        FieldInfo { IsPublic: true, IsSpecialName: false } field when field.DeclaringType!.IsEnum => field.IsStatic ? field.Name : null,
        FieldInfo { IsPublic: true } field => $"{(field.IsLiteral ? "const " : field.IsStatic ? "static " : "")}{Name(field.FieldType)} {field.Name}",
        ConstructorInfo constructor when IsVisible(constructor) => $"new({Parameters(constructor)})",
        PropertyInfo property when property.GetAccessors(nonPublic: true).Any(IsVisible) && property.Name != "EqualityContract" =>
            $"{(property.GetAccessors(nonPublic: true)[0].IsStatic ? "static " : "")}{Name(property.PropertyType)} {property.Name} {{{Accessors(property)} }}",
        MethodInfo { IsSpecialName: false } method when IsVisible(method) && !IsOfRecord(method) =>
            $"{(method.IsStatic ? "static " : "")}{Name(method.ReturnType)} {method.Name}({Parameters(method)})",
        _ => null,
    };

    private static bool IsVisible(MethodBase? method) => method is { IsPublic: true } or { IsFamily: true } or { IsFamilyOrAssembly: true };

    private static bool IsOfRecord(MethodInfo method) =>
        method.Name is "PrintMembers" or "GetHashCode" or "Equals" or "Deconstruct" or "ToString" or "Finalize";

    private static string Accessors(PropertyInfo property) =>
        (IsVisible(property.GetMethod) ? " get;" : "") + (!IsVisible(property.SetMethod) ? ""
            : property.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Length > 0 ? " init;" : " set;");

    private static string Parameters(MethodBase method) =>
        string.Join(", ", method.GetParameters().Select(parameter => $"{Name(parameter.ParameterType)} {parameter.Name}{(parameter.HasDefaultValue ? "?" : "")}"));

    private static string Name(Type type) => type switch
    {
        { IsByRef: true } => "ref " + Name(type.GetElementType()!),
        { IsArray: true } => Name(type.GetElementType()!) + "[]",
        { IsGenericParameter: true } => type.Name,
        { IsGenericType: true } => $"{Plain(type)}<{string.Join(", ", type.GetGenericArguments().Select(Name))}>",
        _ => Plain(type),
    };

    private static string Plain(Type type) =>
        (type.IsNested ? Plain(type.DeclaringType!) + "." : "") + type.Name.Split('`')[0];
}
